ALTER TYPE state ADD VALUE IF NOT EXISTS 'done';
UPDATE events SET state = 'done' WHERE id = 1;
