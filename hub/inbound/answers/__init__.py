"""What people mean by what they write in answer to a message of ours, in whichever door."""
