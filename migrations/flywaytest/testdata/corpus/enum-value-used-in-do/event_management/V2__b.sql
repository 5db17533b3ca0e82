ALTER TYPE state ADD VALUE 'done';
DO $$ BEGIN INSERT INTO events VALUES (1, 'done'); END $$;
