CREATE TABLE mails (text text DEFAULT 'Dear ${name}');
