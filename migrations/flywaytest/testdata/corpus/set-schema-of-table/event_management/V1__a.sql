CREATE TABLE events (id int PRIMARY KEY, title text);
ALTER TABLE events SET SCHEMA public;
