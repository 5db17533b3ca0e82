SET SCHEMA 'shared_kernel';
CREATE TABLE events (id int PRIMARY KEY, title text);
