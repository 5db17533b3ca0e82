CREATE TABLE events (id int PRIMARY KEY, title text);
CREATE PROCEDURE purge() LANGUAGE plpgsql AS $$ BEGIN DELETE FROM events WHERE id < 0; COMMIT; END $$;
