DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = 'events' AND column_name = 'topic') THEN
        ALTER TABLE events ADD COLUMN topic text;
    END IF;
END $$;
