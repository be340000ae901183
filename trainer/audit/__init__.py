"""What is wrong with photographs before anything is learned from them: copies, torn labels, shortcuts."""
