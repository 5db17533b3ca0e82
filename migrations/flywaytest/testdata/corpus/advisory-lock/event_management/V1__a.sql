CREATE TABLE events (id int PRIMARY KEY, title text);
SELECT pg_advisory_lock(1);
