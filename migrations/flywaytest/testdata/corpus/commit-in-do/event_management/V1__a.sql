CREATE TABLE events (id int PRIMARY KEY, title text);
DO $$
BEGIN
    FOR i IN 1..3 LOOP
        INSERT INTO events VALUES (i);
        COMMIT;
    END LOOP;
END $$;
