SET search_path TO public;
CREATE TABLE events (id int PRIMARY KEY, title text);
