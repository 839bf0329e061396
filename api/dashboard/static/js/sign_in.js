// A link from another site arrives without the strict cookie. If a session is there after all, use it, once.
const MARK = "questlog-arrived";
try {
  if (!sessionStorage.getItem(MARK)) {
    sessionStorage.setItem(MARK, "1");
    const { signed_in: signedIn } = await (await fetch("/dashboard/signed-in")).json();
    if (signedIn) location.replace(location.href);
  }
} catch { /* the form is there either way */ }
