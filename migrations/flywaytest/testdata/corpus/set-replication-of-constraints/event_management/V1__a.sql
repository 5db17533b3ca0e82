CREATE TABLE events (id int PRIMARY KEY, title text);
SET check_function_bodies = off;
