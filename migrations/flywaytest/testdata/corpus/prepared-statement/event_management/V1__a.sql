CREATE TABLE events (id int PRIMARY KEY, title text);
PREPARE one AS SELECT 1;
