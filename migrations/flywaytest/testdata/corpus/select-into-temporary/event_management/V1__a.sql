SELECT 1 AS one INTO TEMP scratch;
CREATE TABLE events (id int PRIMARY KEY, title text);
