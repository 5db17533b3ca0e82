CREATE TEMPORARY TABLE scratch (id int);
CREATE TABLE events (id int PRIMARY KEY, title text);
DROP TABLE scratch;
