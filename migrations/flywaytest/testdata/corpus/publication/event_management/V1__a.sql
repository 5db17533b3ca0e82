CREATE TABLE events (id int PRIMARY KEY, title text);
CREATE PUBLICATION feed FOR TABLE events;
