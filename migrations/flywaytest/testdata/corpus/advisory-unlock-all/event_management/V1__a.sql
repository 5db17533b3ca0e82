CREATE TABLE events (id int PRIMARY KEY, title text);
SELECT pg_advisory_unlock_all();
