DO $$
BEGIN
    IF to_regclass('public.events') IS NOT NULL THEN
        ALTER TABLE events ADD COLUMN topic text;
    END IF;
END $$;
