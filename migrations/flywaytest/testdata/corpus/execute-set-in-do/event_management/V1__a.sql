CREATE TABLE events (id int PRIMARY KEY, title text);
DO $$ BEGIN EXECUTE 'SET work_mem = ''64MB'''; END $$;
