CREATE TABLE events (id int PRIMARY KEY, title text);
CREATE INDEX events_title ON events (title);
ALTER TABLE events ADD CONSTRAINT titled CHECK (title IS NOT NULL);
