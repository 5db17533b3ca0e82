CREATE TABLE events (id int PRIMARY KEY, title text);
SET standard_conforming_strings = off;
