SET LOCAL lock_timeout = '5s';
INSERT INTO settings SELECT current_setting('lock_timeout');
