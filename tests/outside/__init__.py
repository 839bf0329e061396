"""The running stack as a user meets it: HTTP and the stores, nothing imported from the rooms."""
