CREATE TABLE events (id int PRIMARY KEY, title text);
SET SESSION lock_timeout TO '1h';
