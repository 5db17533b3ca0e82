CREATE TABLE events (id int PRIMARY KEY, title text);
CREATE INDEX events_title ON events (title);
CREATE INDEX events_both ON events (id, title);
