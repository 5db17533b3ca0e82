CREATE TABLE events (id int PRIMARY KEY, title text);
SET statement_timeout TO '0';
SET statement_timeout TO '5min';
