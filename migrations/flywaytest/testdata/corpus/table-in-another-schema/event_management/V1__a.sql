CREATE TABLE partner_analytics.events (id int);
