INSERT INTO entries (author, message) VALUES ('migration 002', 'written from inside the network');
