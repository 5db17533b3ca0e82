ALTER TYPE state ADD VALUE 'done';
