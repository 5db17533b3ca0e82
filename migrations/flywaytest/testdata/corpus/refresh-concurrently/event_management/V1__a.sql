CREATE TABLE events (id int PRIMARY KEY, title text);
CREATE MATERIALIZED VIEW titles AS SELECT id, title FROM events;
CREATE UNIQUE INDEX titles_id ON titles (id);
