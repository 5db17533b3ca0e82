SET lock_timeout = '5s';
CREATE TABLE events (id int PRIMARY KEY, title text);
RESET lock_timeout;
