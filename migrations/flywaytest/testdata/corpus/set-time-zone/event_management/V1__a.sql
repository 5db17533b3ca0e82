CREATE TABLE events (id int PRIMARY KEY, title text);
SET TIME ZONE 'Europe/Zurich';
