CREATE TABLE events (id int PRIMARY KEY, title text);
DO $$ BEGIN SET lock_timeout = 0; END $$;
