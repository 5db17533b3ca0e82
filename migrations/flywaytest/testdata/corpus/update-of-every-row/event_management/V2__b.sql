UPDATE events SET title = '';
