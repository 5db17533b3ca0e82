CREATE TABLE events (id int PRIMARY KEY, title text);
COPY events (id, title) FROM STDIN;
1	a
