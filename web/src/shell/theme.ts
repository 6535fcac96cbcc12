import { useEffect, useState } from "react";

export type Theme = "system" | "light" | "dark";

const key = "payerflow-theme";

function kept(): Theme {
  const t = localStorage.getItem(key);
  return t === "light" || t === "dark" ? t : "system";
}

// useTheme is what this browser was told last, else what its system says.
export function useTheme(): [Theme, (t: Theme) => void] {
  const [theme, set] = useState<Theme>(kept);
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    if (theme === "system") localStorage.removeItem(key);
    else localStorage.setItem(key, theme);
  }, [theme]);
  return [theme, set];
}
