ALTER TYPE state ADD VALUE 'done';
INSERT INTO events VALUES (1, 'done');
