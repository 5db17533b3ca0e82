CREATE TABLE topics (id int);
