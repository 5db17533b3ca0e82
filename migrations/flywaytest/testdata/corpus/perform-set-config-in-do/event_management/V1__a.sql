CREATE TABLE events (id int PRIMARY KEY, title text);
DO $$ BEGIN PERFORM set_config('work_mem', '64MB', false); END $$;
