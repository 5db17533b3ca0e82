LOAD 'auto_explain';
