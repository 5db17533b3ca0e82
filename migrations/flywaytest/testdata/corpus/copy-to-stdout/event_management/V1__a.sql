CREATE TABLE events (id int PRIMARY KEY, title text);
COPY events TO STDOUT;
