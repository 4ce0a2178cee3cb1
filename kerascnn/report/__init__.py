"""What runs leave behind for people to read: tables, pictures, reports."""
