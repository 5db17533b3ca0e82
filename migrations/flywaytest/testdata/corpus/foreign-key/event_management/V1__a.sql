CREATE TABLE events (id int PRIMARY KEY, title text);
CREATE TABLE topics (id int PRIMARY KEY);
