"""What a report knows of judges: their scores and maps, the records beside them, and the charts of all these."""
