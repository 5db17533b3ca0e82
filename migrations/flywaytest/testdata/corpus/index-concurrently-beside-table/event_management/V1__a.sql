CREATE TABLE events (id int PRIMARY KEY, title text);
CREATE INDEX CONCURRENTLY events_title ON events (title);
