CREATE TABLE settings (timeout text);
