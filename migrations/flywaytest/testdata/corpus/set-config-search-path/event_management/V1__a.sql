SELECT set_config('search_path', 'partner_analytics', true);
CREATE TABLE events (id int PRIMARY KEY, title text);
