CREATE TABLE events (id int PRIMARY KEY, title text);
SET lock_timeout = 0;
