CREATE TABLE speakers (id int);
INSERT INTO speakers VALUES (1);
ALTER TABLE events ADD COLUMN speaker int;
INSERT INTO speakers VALUES ('this is no number');
