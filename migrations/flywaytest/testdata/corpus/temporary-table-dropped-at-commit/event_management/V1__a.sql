CREATE TEMP TABLE scratch (id int) ON COMMIT DROP;
CREATE TABLE events (id int PRIMARY KEY, title text);
