ALTER TYPE state ADD VALUE 'done';
CREATE TABLE events (id int PRIMARY KEY, title text);
