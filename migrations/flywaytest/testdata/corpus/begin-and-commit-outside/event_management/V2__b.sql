BEGIN;
UPDATE events SET title = '' WHERE id = 1;
COMMIT;
